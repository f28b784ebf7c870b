//! Reads every request of a connection before the HTTP parser does. The parser is lenient where two readers
//! of one message could disagree about where it ends (both lengths given, bare line feeds); here a request
//! has one reading or is refused. Knows HTTP/1's framing and nothing above it.

mod chunks;
mod framing;
mod head;
mod refusal;
mod stream;

pub use refusal::Refusal;
pub(super) use stream::InspectedStream;
