//! Run: the program bitneuron, its command line, reports and the tokio shell.
#![forbid(unsafe_code)]
