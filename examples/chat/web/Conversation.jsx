import { useLayoutEffect, useRef, useState } from 'react';

import { Avatar } from './Avatar.jsx';

const NEAR_END = 60; // pixels
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export function Conversation({ lines }) {
  const list = useRef(null);
  const [follows, setFollows] = useState(true);

  const scrollToEnd = () => list.current.scrollTo({ top: list.current.scrollHeight });
  useLayoutEffect(() => {
    if (follows || lines.at(-1)?.kind === 'sent') scrollToEnd();
  }, [lines, follows]);

  const onScroll = ({ target }) =>
    setFollows(target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_END);

  const hasMessages = lines.some(({ kind }) => kind !== 'system');
  return (
    <section className="conversation" aria-label="Conversation">
      <ol ref={list} role="log" tabIndex={0} aria-label="Messages" onScroll={onScroll}>
        {lines.map((line, at) => (
          <Line key={line.id} line={line} continues={continues(lines[at - 1], line)} />
        ))}
        {!hasMessages && (
          <li className="nothing">
            No messages yet. Open this page in a second window to chat with yourself.
          </li>
        )}
      </ol>
      {!follows && (
        <button className="newest" type="button" onClick={() => setFollows(true)}>
          Jump to latest
        </button>
      )}
    </section>
  );
}

// Returns whether a line follows another one of the same person within two minutes.
function continues(before, { kind, name, at }) {
  return kind !== 'system' && before?.kind === kind && before.name === name && at - before.at < 120_000;
}

function Line({ line: { kind, name, text, at }, continues }) {
  if (kind === 'system') return <li className="system">{text}</li>;
  return (
    <li className={kind} data-next={continues}>
      <Avatar name={name} />
      <div className="bubble">
        <b className="who">{kind === 'sent' ? `${name} (you)` : name}</b>
        <p>{text}</p>
        <time dateTime={new Date(at).toISOString()}>{clock.format(at)}</time>
      </div>
    </li>
  );
}
