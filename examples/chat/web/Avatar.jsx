// Shows the first letter of a name, in a color derived from the name.
export function Avatar({ name }) {
  const letters = [...name.trim()];
  const hue = letters.reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  return (
    <span className="avatar" style={{ '--hue': hue }} data-empty={!letters.length} aria-hidden="true">
      {letters[0]?.toLocaleUpperCase() ?? '?'}
    </span>
  );
}
