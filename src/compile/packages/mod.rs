//! What lies in `node_modules`, as modules for the browser.
