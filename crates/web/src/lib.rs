//! HTTP and HTML. The only crate that knows either.

pub mod openai;
