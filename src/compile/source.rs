//! One file of the project as a module for the browser.
