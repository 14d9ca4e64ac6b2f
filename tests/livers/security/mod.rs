//! Published vulnerabilities of other servers, tried on livers: the rows of SECURITY.md without
//! another test.
//!
//! Each test is a table of requests. [`faults`]: what compile errors reveal; [`reading`]: files
//! that are not served; [`speaking`]: request smuggling through the proxy; [`flooding`]: denial of
//! service; [`races`]: links that change between check and use; [`network`]: what clients on the
//! network learn.

#[cfg(feature = "esm")]
mod faults;
mod flooding;
mod network;
#[cfg(target_os = "linux")]
mod races;
mod reading;
mod speaking;
