// Calls `show` with the current time, now and every second.
export function clock(show) {
  const tick = () => show(new Date().toLocaleTimeString());
  tick();
  setInterval(tick, 1000);
}
