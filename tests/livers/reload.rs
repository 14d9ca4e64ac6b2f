//! What tabs are told.
