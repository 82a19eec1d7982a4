//! What a Redis or the way to it reports, in words that say what to do next.

use redis::{ErrorKind, RedisError};

use crate::error::StoreError;

/// When to ask a Redis again that did not answer.
pub(crate) const RETRY_AFTER_MS: u64 = 200;

/// The store's error for what was reported when a subject (a party, or a part of the store) was asked for.
pub(crate) fn store_error(address: &str, error: &RedisError, subject: &str) -> StoreError {
    let detail = error.detail().unwrap_or_else(|| error.category()).trim();
    match error.code() {
        Some("OOM") => {
            let message = format!(
                "the Redis at `{address}` is full: raise its `maxmemory`, or take what is not needed out of it"
            );
            return StoreError::Full { message };
        }
        Some("NOAUTH" | "WRONGPASS") => return wrong_password(address),
        Some("NOPERM") => {
            return StoreError::wrong(format!(
                "the user at the Redis at `{address}` may not do this: {detail}"
            ));
        }
        Some("WRONGTYPE") => {
            return StoreError::corrupt(subject, "another program keeps something else under its key");
        }
        Some(code @ "MISCONF") => {
            return refused(address, code, "it cannot write to its disk: see to its disk");
        }
        Some(code) => return refused(address, code, detail),
        None => {}
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        return wrong_password(address);
    }
    if matches!(
        error.kind(),
        ErrorKind::Parse | ErrorKind::RESP3NotSupported | ErrorKind::UnexpectedReturnType
    ) {
        return StoreError::wrong(format!(
            "what listens at `{address}` does not answer like a Redis: name the address of a Redis of 7.0 or later"
        ));
    }
    let why = if error.is_timeout() { "no answer in time".to_owned() } else { error.to_string() };
    away(format!("the Redis at `{address}` is away ({why}): see that it runs and can be reached from here"))
}

fn wrong_password(address: &str) -> StoreError {
    StoreError::wrong(format!(
        "the Redis at `{address}` refuses the user or the password: write `redis://USER:PASSWORD@HOST:PORT`"
    ))
}

fn refused(address: &str, code: &str, detail: &str) -> StoreError {
    away(format!("the Redis at `{address}` refused (`{code}`): {detail}"))
}

fn away(message: String) -> StoreError {
    StoreError::Unavailable { message, retry_after_ms: RETRY_AFTER_MS }
}
