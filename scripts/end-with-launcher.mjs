// Loaded into the engine by `npm start`. When the launcher is gone, even by kill -9, the channel to it closes and the
// engine ends as if it had been asked to: otherwise it would go on unseen and keep the data folder locked.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
// What the engine still says then has no reader any more, which is no fault of the engine.
process.stdout.on('error', () => {});
