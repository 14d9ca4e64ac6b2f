//! What a person sees: saves in real editors, in a real browser.
