import './zod-jitless.ts';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { createClient } from './client/index.ts';
import { openTransport } from './client/transport.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no root element.');
const client = createClient(openTransport);
createRoot(root).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
);
