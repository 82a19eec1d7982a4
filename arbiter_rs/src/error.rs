//! Errors as Python sees them.

use arbiter_door::Refusal;
use arbiter_store::ArbiterError as EngineError;
use prost::Message;
use pyo3::{create_exception, exceptions::PyException, prelude::*, types::PyBytes};

create_exception!(
    arbiter_rs,
    ArbiterError,
    PyException,
    "What went wrong, as gRPC says it: `code`, `message` and `status`."
);

/// An error of the engine as an exception.
pub(crate) fn of_engine(py: Python<'_>, error: EngineError) -> PyErr {
    of_refusal(py, Refusal::from(error))
}

/// A refusal as an exception, with `code`, `message` and `status` set.
pub(crate) fn of_refusal(py: Python<'_>, Refusal(status): Refusal) -> PyErr {
    let bytes = status.encode_to_vec();
    let error = ArbiterError::new_err(status.message.clone());
    let value = error.value(py);
    let filled = value
        .setattr("code", status.code)
        .and_then(|()| value.setattr("message", &status.message))
        .and_then(|()| value.setattr("status", PyBytes::new(py, &bytes)));
    filled.err().unwrap_or(error)
}

/// The engine was closed.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    of_refusal(py, Refusal::closed("the arbiter is closed: open it anew"))
}

/// The engine belongs to the process that opened it.
pub(crate) fn forked(py: Python<'_>) -> PyErr {
    of_refusal(
        py,
        Refusal::closed("the arbiter was opened before a fork: open it in the process that uses it"),
    )
}
