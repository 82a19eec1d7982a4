//! `Arbiter`: each verb blocking and awaitable.

use std::{path::PathBuf, sync::Arc};

use arbiter_door::{Clock, Refusal, Verb, listener::Calls};
use arbiter_store::Store;
use futures_util::FutureExt;
use prost::Message;
use pyo3::{
    exceptions::PyValueError,
    intern,
    prelude::*,
    types::{PyBytes, PyString},
};

use crate::{
    engine::{Engine, Slot},
    error::{closed, forked, of_engine, of_refusal},
    listener::{Listener, Wanted},
};

/// An engine on one store.
#[pyclass(frozen, module = "arbiter_rs")]
pub(crate) struct Arbiter(Arc<Slot>);

macro_rules! verbs {
    ($($blocking:ident $awaitable:ident $verb:ident;)*) => {
        #[pymethods]
        impl Arbiter {
            $(
                fn $blocking<'py>(&self, py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
                    self.call(py, Verb::$verb, request)
                }

                fn $awaitable<'py>(&self, py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyAny>> {
                    self.call_async(py, Verb::$verb, request)
                }
            )*

            /// Open a store: `memory`, `embedded:DIR` or `redis://…`. `clock` is `system` or `request`.
            #[staticmethod]
            #[pyo3(signature = (store = "memory", *, clock = "system"))]
            fn open(py: Python<'_>, store: &str, clock: &str) -> PyResult<Self> {
                let clock = match clock {
                    "system" => Clock::System,
                    "request" => Clock::Request,
                    other => return Err(PyValueError::new_err(format!("no clock `{other}`: name `system` or `request`"))),
                };
                let engine = py.detach(|| Engine::open(store, clock)).map_err(|error| of_engine(py, error))?;
                Ok(Self(Slot::new(engine)))
            }

            /// Make a compiled catalog the active one; returns its version.
            #[pyo3(signature = (compiled, attachment = None, *, expected_version = None, withdrawn_campaigns = Vec::new()))]
            fn apply_catalog(&self, py: Python<'_>, compiled: &[u8], attachment: Option<&[u8]>, expected_version: Option<u64>, withdrawn_campaigns: Vec<String>) -> PyResult<u64> {
                let engine = self.engine(py)?;
                let applied = py.detach(|| engine.threads.wait_for(engine.door.arbiter().apply_catalog(compiled, attachment.unwrap_or_default(), expected_version, &withdrawn_campaigns)));
                applied.map_err(|error| of_engine(py, error))
            }

            /// One stored catalog version: (version, compiled, attachment); the newest where 0.
            #[pyo3(signature = (version = 0))]
            fn catalog<'py>(&self, py: Python<'py>, version: u64) -> PyResult<(u64, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
                let engine = self.engine(py)?;
                let found = py.detach(|| engine.threads.wait_for(engine.door.arbiter().catalog(version))).map_err(|error| of_engine(py, error))?;
                let (version, compiled, attachment) = found.map(|(version, record)| (version, record.compiled, record.attachment)).unwrap_or_default();
                Ok((version, PyBytes::new(py, &compiled), PyBytes::new(py, &attachment)))
            }

            /// Read the newest catalog from the store; returns the active version.
            fn refresh_catalog(&self, py: Python<'_>) -> PyResult<u64> {
                let engine = self.engine(py)?;
                py.detach(|| engine.threads.wait_for(engine.door.arbiter().refresh())).map_err(|error| of_engine(py, error))
            }

            /// `refresh_catalog`, awaitable.
            fn refresh_catalog_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let engine = self.engine(py)?;
                let door = Arc::clone(&engine.door);
                promise(py, &engine, async move { door.arbiter().refresh().await.map_err(Refusal::from) }, |py, version| Ok(version.into_pyobject(py)?.into_any().unbind()))
            }

            /// Log records of all parties of a bucket, oldest first, after a cursor: (records, next cursor).
            #[pyo3(signature = (bucket, after = "", limit = 1_000))]
            fn read_log_page<'py>(&self, py: Python<'py>, bucket: u16, after: &str, limit: usize) -> PyResult<(Vec<Bound<'py, PyBytes>>, String)> {
                let engine = self.engine(py)?;
                let page = py.detach(|| engine.threads.wait_for(engine.door.arbiter().read_log_page(bucket, after, limit))).map_err(|error| of_engine(py, error))?;
                let records = page.records.iter().map(|(_, record)| PyBytes::new(py, &record.bytes)).collect();
                Ok((records, page.next))
            }

            /// How many buckets the contact log has.
            fn log_buckets(&self, py: Python<'_>) -> PyResult<u16> {
                Ok(self.engine(py)?.door.arbiter().store().buckets())
            }

            /// Let a second catalog decide beside the active one; acts on nothing.
            fn start_shadow(&self, py: Python<'_>, compiled: &[u8]) -> PyResult<()> {
                let engine = self.engine(py)?;
                py.detach(|| engine.door.start_shadow(compiled)).map_err(|refusal| of_refusal(py, refusal))
            }

            /// What it would have changed so far: a `repit.v1.ShadowReport`.
            fn shadow_report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
                let engine = self.engine(py)?;
                let report = py.detach(|| engine.door.shadow_report()).map_err(|refusal| of_refusal(py, refusal))?;
                Ok(PyBytes::new(py, &report.encode_to_vec()))
            }

            /// End it; nothing happens where none runs.
            fn stop_shadow(&self, py: Python<'_>) -> PyResult<()> {
                self.engine(py)?.door.arbiter().stop_shadow();
                Ok(())
            }

            /// Whether the store answers.
            fn is_ready(&self, py: Python<'_>) -> PyResult<bool> {
                let engine = self.engine(py)?;
                Ok(py.detach(|| engine.threads.wait_for(engine.door.arbiter().store().ping())).is_ok())
            }

            /// `is_ready`, awaitable.
            fn is_ready_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let engine = self.engine(py)?;
                let door = Arc::clone(&engine.door);
                promise(py, &engine, async move { Ok(door.arbiter().store().ping().await.is_ok()) }, |py, is_ready| Ok(is_ready.into_pyobject(py)?.to_owned().into_any().unbind()))
            }

            /// Take an address for calls of this engine's verbs; all other calls go to the server on the Unix socket `upstream`.
            #[pyo3(signature = (listen, upstream, *, max_in_flight = 1_024, logs_calls = false, runtimes = 0))]
            fn serve(&self, py: Python<'_>, listen: &str, upstream: PathBuf, max_in_flight: usize, logs_calls: bool, runtimes: usize) -> PyResult<Listener> {
                let calls = if logs_calls { Calls::All } else { Calls::Failed };
                Listener::bind(py, &self.0, self.engine(py)?, listen, Wanted { upstream, max_in_flight, calls, runtimes })
            }

            /// Let go of the store.
            fn close(&self, py: Python<'_>) {
                py.detach(|| self.0.close());
            }

            fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
                slf
            }

            #[pyo3(signature = (*_args))]
            fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, pyo3::types::PyTuple>) {
                self.close(py);
            }
        }
    };
}

verbs! {
    request_contact request_contact_async RequestContact;
    check_contact check_contact_async CheckContact;
    batch_request_contacts batch_request_contacts_async BatchRequestContacts;
    stream_request_contacts stream_request_contacts_async StreamRequestContacts;
    confirm_contact confirm_contact_async ConfirmContact;
    release_contact release_contact_async ReleaseContact;
    record_engagements record_engagements_async RecordEngagements;
    register_claims register_claims_async RegisterClaims;
    withdraw_claims withdraw_claims_async WithdrawClaims;
    list_claims list_claims_async ListClaims;
    explain_customer explain_customer_async ExplainCustomer;
}

impl Arbiter {
    fn engine(&self, py: Python<'_>) -> PyResult<Engine> {
        let engine = self.0.engine().ok_or_else(|| closed(py))?;
        if engine.process == std::process::id() { Ok(engine) } else { Err(forked(py)) }
    }

    fn call<'py>(&self, py: Python<'py>, verb: Verb, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let engine = self.engine(py)?;
        let answer = py.detach(|| {
            answer_here(&engine, verb, request)
                .unwrap_or_else(|| engine.threads.wait_for(engine.door.call(verb, request)))
        });
        answer.map(|bytes| PyBytes::new(py, &bytes)).map_err(|refusal| of_refusal(py, refusal))
    }

    fn call_async<'py>(&self, py: Python<'py>, verb: Verb, request: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let engine = self.engine(py)?;
        let answer = if verb.is_bulk() { None } else { py.detach(|| answer_here(&engine, verb, request)) };
        if let Some(answer) = answer {
            let future = running_loop(py)?.call_method0(intern!(py, "create_future"))?;
            match answer {
                Ok(bytes) => future.call_method1(intern!(py, "set_result"), (PyBytes::new(py, &bytes),))?,
                Err(refusal) => future
                    .call_method1(intern!(py, "set_exception"), (of_refusal(py, refusal).into_value(py),))?,
            };
            return Ok(future);
        }
        let (door, request) = (Arc::clone(&engine.door), request.to_vec());
        promise(py, &engine, async move { door.call(verb, &request).await }, |py, bytes| {
            Ok(PyBytes::new(py, &bytes).into_any().unbind())
        })
    }
}

/// Answer on this thread, where the store never waits: its futures are ready when first asked.
fn answer_here(engine: &Engine, verb: Verb, request: &[u8]) -> Option<Result<Vec<u8>, Refusal>> {
    if engine.waits { None } else { engine.door.call(verb, request).now_or_never() }
}

fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import(intern!(py, "asyncio"))?.call_method0(intern!(py, "get_running_loop"))
}

/// An asyncio future that work on the engine's threads fulfils.
fn promise<'py, T: Send + 'static>(
    py: Python<'py>,
    engine: &Engine,
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    show: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    let event_loop = running_loop(py)?;
    let future = event_loop.call_method0(intern!(py, "create_future"))?;
    let promise = Promise(Some((event_loop.unbind(), future.clone().unbind())));
    engine.threads.start(async move {
        let outcome = work.await;
        promise.keep(|py| match outcome {
            Ok(value) => Ok((intern!(py, "set_result"), show(py, value)?)),
            Err(refusal) => {
                Ok((intern!(py, "set_exception"), of_refusal(py, refusal).into_value(py).into_any()))
            }
        });
    });
    Ok(future)
}

/// An asyncio future and its loop. One that is dropped unkept, because the engine was closed, says so to whoever awaits it.
struct Promise(Option<(Py<PyAny>, Py<PyAny>)>);

impl Promise {
    fn keep(
        mut self,
        outcome: impl for<'py> FnOnce(Python<'py>) -> PyResult<(&'py Bound<'py, PyString>, Py<PyAny>)>,
    ) {
        self.deliver(outcome);
    }

    fn deliver(
        &mut self,
        outcome: impl for<'py> FnOnce(Python<'py>) -> PyResult<(&'py Bound<'py, PyString>, Py<PyAny>)>,
    ) {
        let Some((event_loop, future)) = self.0.take() else { return };
        let _delivered = Python::try_attach(|py| -> PyResult<()> {
            let (method, value) = outcome(py)?;
            let fulfil = pyo3::wrap_pyfunction!(fulfil, py)?;
            // A loop that has closed meanwhile has nobody left to tell.
            let _told = event_loop
                .bind(py)
                .call_method1(intern!(py, "call_soon_threadsafe"), (fulfil, future, method, value));
            Ok(())
        });
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.deliver(|py| Ok((intern!(py, "set_exception"), closed(py).into_value(py).into_any())));
    }
}

/// On the loop's own thread: fulfil a future unless its caller has gone.
#[pyfunction]
fn fulfil(future: &Bound<'_, PyAny>, method: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if !future.call_method0("done")?.is_truthy()? {
        future.call_method1(method, (value,))?;
    }
    Ok(())
}
