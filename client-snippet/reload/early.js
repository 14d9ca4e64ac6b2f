// Hears errors until console.js does: a classic script, which runs before the page's own scripts.
// It leaves no globals, and its element removes itself, so that the page's own scripts see the tree
// of its source.

{
  document.currentScript?.remove();
  /** @type {Event[]} */
  const events = [];
  /** @type {(event: Event) => void} */
  const hear = (event) => {
    if (events.length < 100) events.push(event);
  };
  const types = ['error', 'unhandledrejection', 'securitypolicyviolation'];
  for (const type of types) addEventListener(type, hear, true);
  /** @type {(event: any) => void} */
  const handOver = ({ detail }) => {
    for (const type of types) removeEventListener(type, hear, true);
    detail(events);
  };
  addEventListener('livers:early', handOver, { once: true });
}
