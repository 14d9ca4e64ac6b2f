import { useEffect, useRef, useState, useSyncExternalStore } from 'react';

import { Conversation } from './Conversation.jsx';
import { Message } from './Message.jsx';
import { Name } from './Name.jsx';

const STATES = {
  connecting: 'Connecting …',
  connected: 'Connected',
  waiting: 'Disconnected, reconnecting …',
};

export function Chat({ client }) {
  const { state, lines } = useSyncExternalStore(client.subscribe, client.snapshot);
  // Stored per tab, so that two tabs can be two people.
  const [name, setName] = useState(() => sessionStorage.getItem('name') ?? '');
  const message = useRef(null);

  const introduce = () => {
    sessionStorage.setItem('name', name.trim());
    client.introduce(name);
  };
  useEffect(introduce, []); // announces a stored name after a reload

  return (
    <main className="chat">
      <header>
        <h1>Chat</h1>
        <p className="state" role="status" data-state={state}>
          {STATES[state]}
        </p>
        <Name
          name={name}
          onChange={setName}
          onDone={introduce}
          onSubmit={() => message.current?.focus()}
        />
      </header>
      <Conversation lines={lines} />
      <Message
        ref={message}
        hasName={name.trim() !== ''}
        isConnected={state === 'connected'}
        onSend={(text) => {
          introduce();
          client.send(text);
        }}
      />
    </main>
  );
}
