//! The client script: its types and its unit tests, under node.
