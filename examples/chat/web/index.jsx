import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { Chat } from './Chat.jsx';
import { ChatClient } from './ChatClient.js';

const client = new ChatClient();

createRoot(document.querySelector('#root')).render(
  <StrictMode>
    <Chat client={client} />
  </StrictMode>,
);
