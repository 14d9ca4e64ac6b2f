import { Avatar } from './Avatar.jsx';

export function Name({ name, onChange, onDone, onSubmit }) {
  const submit = (event) => {
    event.preventDefault();
    onDone();
    if (name.trim()) onSubmit();
  };
  return (
    <form className="name" onSubmit={submit}>
      <Avatar name={name} />
      <label htmlFor="name">Your name</label>
      <input
        id="name"
        value={name}
        onChange={({ target }) => onChange(target.value)}
        onBlur={onDone}
        placeholder="Enter your name"
        maxLength={30}
        autoComplete="nickname"
        autoFocus={!name}
        enterKeyHint="next"
      />
    </form>
  );
}
