/**
 * How a page in the desktop window gets its port: the main process posts it to the preload under this name, and the
 * preload passes it on to the page with `window.postMessage(PORT_MESSAGE, origin, [port])`. It comes once after the
 * page has loaded, and again each time the engine was restarted; the newest one counts.
 */
export const PORT_MESSAGE = 'parx-port';
