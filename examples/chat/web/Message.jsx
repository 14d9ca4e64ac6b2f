import { useState } from 'react';

export function Message({ ref, hasName, isConnected, onSend }) {
  const [text, setText] = useState('');
  const canSend = hasName && isConnected && text.trim() !== '';

  const send = (event) => {
    event.preventDefault();
    if (!canSend) return;
    onSend(text.trim());
    setText('');
    ref.current?.focus();
  };
  // Enter also confirms a word in an input method editor; that must not send the message.
  const isEnter = ({ key, shiftKey, nativeEvent }) =>
    key === 'Enter' && !shiftKey && !nativeEvent.isComposing;

  return (
    <form className="message" onSubmit={send}>
      <label htmlFor="message">Your message</label>
      {/* The field grows with its text: an invisible copy of the text sets the height. */}
      <div className="grow" data-text={text + ' '}>
        <textarea
          id="message"
          ref={ref}
          rows={1}
          value={text}
          onChange={({ target }) => setText(target.value)}
          onKeyDown={(event) => isEnter(event) && send(event)}
          placeholder={hasName ? 'Write a message' : 'Enter your name first'}
          disabled={!hasName}
          maxLength={4000}
          enterKeyHint="send"
        />
      </div>
      <button type="submit" disabled={!canSend} aria-label="Send" title="Send (Enter)">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 12h14M12 5l7 7-7 7" />
        </svg>
      </button>
    </form>
  );
}
