//! The binding: Python hands proto bytes in and awaits proto bytes.

mod arbiter;
mod engine;
mod error;
mod listener;

use mimalloc::MiMalloc;
use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Répit's engine: decides, counts, remembers.
#[pymodule]
fn arbiter_rs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("ZONE_DATA", arbiter_core::time::zone_data_release())?;
    module.add("ArbiterError", module.py().get_type::<error::ArbiterError>())?;
    module.add("__all__", ["ZONE_DATA", "Arbiter", "ArbiterError", "Listener", "__version__"])?;
    module.add_class::<arbiter::Arbiter>()?;
    module.add_class::<listener::Listener>()?;
    // Before the interpreter goes: no thread of ours may be left that could call into it.
    let close_all = pyo3::wrap_pyfunction!(engine::close_all, module)?;
    module.py().import("atexit")?.call_method1("register", (close_all,))?;
    Ok(())
}
