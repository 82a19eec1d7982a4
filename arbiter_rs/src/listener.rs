//! `Listener`: the public address, as Python holds it.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use arbiter_door::listener::{self, Calls, Entry, Health, Options, Waits};
use arbiter_store::AnyStore;
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyTuple},
};

use crate::{
    engine::{Engine, Slot},
    error::forked,
};

/// What the caller of `serve` asks for.
pub(crate) struct Wanted {
    pub(crate) upstream: PathBuf,
    pub(crate) max_in_flight: usize,
    pub(crate) calls: Calls,
    pub(crate) runtimes: usize,
}

/// A public address that an engine answers at.
#[pyclass(frozen, module = "arbiter_rs")]
pub(crate) struct Listener {
    /// Empty once it was dropped in another process than its own.
    listener: Option<Arc<listener::Listener<AnyStore>>>,
    address: String,
    process: u32,
    /// So that the engine is there, and is closed with the interpreter, for as long as it is asked.
    _engine: Arc<Slot>,
}

impl Listener {
    pub(crate) fn bind(
        py: Python<'_>,
        slot: &Arc<Slot>,
        engine: Engine,
        listen: &str,
        wanted: Wanted,
    ) -> PyResult<Self> {
        let options = Options {
            upstream: wanted.upstream,
            max_in_flight: wanted.max_in_flight,
            waits: if engine.waits { Waits::ForTheStore } else { Waits::Never },
            calls: wanted.calls,
            runtimes: NonZeroUsize::new(wanted.runtimes),
        };
        let door = Arc::clone(&engine.door);
        let bound = Arc::new(py.detach(|| listener::Listener::bind(door, listen, options))?);
        let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
        let address = format!("{host}:{}", bound.address().port());
        let mut listeners = engine.listeners.lock();
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(&bound));
        Ok(Self { listener: Some(bound), address, process: engine.process, _engine: Arc::clone(slot) })
    }

    fn here(&self, py: Python<'_>) -> PyResult<&listener::Listener<AnyStore>> {
        match &self.listener {
            Some(listener) if self.process == std::process::id() => Ok(listener),
            _ => Err(forked(py)),
        }
    }
}

#[pymethods]
impl Listener {
    /// HOST:PORT, the host as it was named and the port that was taken.
    #[getter]
    fn address(&self) -> &str {
        &self.address
    }

    /// Take connections from here on.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        let listener = self.here(py)?;
        Ok(py.detach(|| listener.start())?)
    }

    /// Say how a service is; the whole server where the name is empty.
    #[pyo3(signature = (service, *, is_serving))]
    fn report(&self, py: Python<'_>, service: &str, is_serving: bool) -> PyResult<()> {
        let health = if is_serving { Health::Serving } else { Health::NotServing };
        self.here(py)?.report(service, health);
        Ok(())
    }

    /// Lines for the log since they were last taken: (event, fields).
    fn take_journal<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let listener = self.here(py)?;
        listener.take_journal().into_iter().map(|entry| line(py, entry)).collect()
    }

    /// Take no more calls, finish those in work within the grace, then cut what is left.
    fn stop(&self, py: Python<'_>, grace_seconds: f64) -> PyResult<()> {
        let grace = Duration::try_from_secs_f64(grace_seconds).map_err(|_| {
            PyValueError::new_err(format!("`{grace_seconds}` is no span: write seconds, 0 or more"))
        })?;
        let listener = self.here(py)?;
        py.detach(|| listener.stop(grace));
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        if self.process == std::process::id() {
            // None of its threads ever wants the GIL.
            listener.stop(Duration::ZERO);
        } else {
            // The threads stayed behind in the parent: nothing of it may be touched.
            std::mem::forget(listener);
        }
    }
}

fn line(py: Python<'_>, entry: Entry) -> PyResult<Bound<'_, PyTuple>> {
    let fields = PyDict::new(py);
    let event = match entry {
        Entry::Call { method, milliseconds } => {
            fields.set_item("method", method)?;
            fields.set_item("milliseconds", milliseconds)?;
            "call"
        }
        Entry::Failed { method, error } => {
            fields.set_item("method", method)?;
            fields.set_item("error", error)?;
            "call_failed"
        }
        Entry::Fault { method } => {
            fields.set_item("method", method)?;
            "fault"
        }
        Entry::Lost { lines } => {
            fields.set_item("lines", lines)?;
            "log_lines_lost"
        }
    };
    (event, fields).into_pyobject(py)
}
