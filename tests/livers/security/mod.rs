//! What was published of other servers, tried here: the rows of SECURITY.md that no other test has.
//!
//! Each test is a table of requests to one server. [`reading`]: files that are not to be had;
//! [`speaking`]: what a backend hears of who speaks HTTP badly; [`flooding`]: who asks for too much.

mod flooding;
mod reading;
mod speaking;
