//! Files and folders over HTTP.
