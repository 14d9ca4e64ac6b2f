import { useLayoutEffect, useRef, useState } from 'react';

import { Avatar } from './Avatar.jsx';

const NEAR = 60; // pixels
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export function Conversation({ lines }) {
  const list = useRef(null);
  const [follows, setFollows] = useState(true);

  const toEnd = () => list.current.scrollTo({ top: list.current.scrollHeight });
  useLayoutEffect(() => {
    if (follows || lines.at(-1)?.kind === 'sent') toEnd();
  }, [lines, follows]);

  const onScroll = ({ target }) =>
    setFollows(target.scrollHeight - target.scrollTop - target.clientHeight < NEAR);

  const said = lines.some(({ kind }) => kind !== 'system');
  return (
    <section className="conversation" aria-label="Conversation">
      <ol ref={list} role="log" tabIndex={0} aria-label="What was said" onScroll={onScroll}>
        {lines.map((line, at) => (
          <Line key={line.id} line={line} isNext={isNext(lines[at - 1], line)} />
        ))}
        {!said && (
          <li className="nothing">
            Nothing has been said yet. Open this page in a second window, and talk to yourself.
          </li>
        )}
      </ol>
      {!follows && (
        <button className="newest" type="button" onClick={() => setFollows(true)}>
          To the newest
        </button>
      )}
    </section>
  );
}

// Whether somebody goes on talking.
function isNext(before, { kind, name, at }) {
  return kind !== 'system' && before?.kind === kind && before.name === name && at - before.at < 120_000;
}

function Line({ line: { kind, name, text, at }, isNext }) {
  if (kind === 'system') return <li className="system">{text}</li>;
  return (
    <li className={kind} data-next={isNext}>
      <Avatar name={name} />
      <div className="bubble">
        <b className="who">{kind === 'sent' ? `${name} (you)` : name}</b>
        <p>{text}</p>
        <time dateTime={new Date(at).toISOString()}>{clock.format(at)}</time>
      </div>
    </li>
  );
}
