//! What the fuzz targets (`fuzz/`) try: what agents say, wherever it is understood.
//! Nobody else calls this.

use crate::job::{Ended, OUTPUT_MAX};
use crate::name::ScopeName;
use crate::tail::Tail;
use crate::tools::protocol::Call;
use crate::tools::{self, Caller};
use crate::{code::OcfCode, fence};

/// An agent's output as it comes in, with a remark of ours behind it.
///
/// # Panics
///
/// When more is kept than may be.
pub fn output(pieces: &[&[u8]]) -> Ended {
    let mut tail = Tail::new(OUTPUT_MAX);
    for piece in pieces {
        tail.push(piece);
    }
    let (output, reason) = tail.finish();
    // Each byte that is no UTF-8 becomes a mark of three.
    assert!(output.len() <= OUTPUT_MAX * 3);
    let mut ended = Ended::exit(OcfCode::Generic);
    (ended.output, ended.reason) = (output, reason);
    ended.remark("start left sleep running");
    assert!(ended.output.len() <= OUTPUT_MAX);
    ended
}

/// What is said of a fence agent that ended so.
pub fn fence(code: i32, output: &str) -> String {
    fence::said(code, output)
}

/// A tool's arguments, with no daemon to ask.
pub fn tool(name: &str, arguments: &[String]) {
    let caller = Caller {
        instance: Some("db:0".to_owned()),
        socket: None,
    };
    let _ = tools::run(name, arguments, &caller);
}

/// The line of a tool, as the daemon reads it. True: understood.
///
/// # Panics
///
/// When it is not the same after it was written and read again.
pub fn call(line: &[u8]) -> bool {
    let Ok(call) = serde_json::from_slice::<Call>(line) else {
        return false;
    };
    let text = serde_json::to_string(&call).expect("nothing of ours fails to encode");
    assert_eq!(serde_json::from_str::<Call>(&text).expect("JSON"), call);
    true
}

/// The name of a scope that systemd tells of. True: one of ours.
///
/// # Panics
///
/// When it means something else after it was written again.
pub fn scope(unit: &str) -> bool {
    let Some(name) = ScopeName::parse(unit) else {
        return false;
    };
    assert_eq!(ScopeName::parse(&name.unit()), Some(name));
    true
}
