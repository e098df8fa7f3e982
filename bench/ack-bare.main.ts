/**
 * The yardstick of the ack benchmark: a Bolt app that verifies, acknowledges, and does nothing else. With BARE_FILE it makes one durable
 * write of a run's size before each acknowledgement: no answer that promises anything can be quicker than that on this disk.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { App, HTTPReceiver, LogLevel } from '@slack/bolt';

const signingSecret = process.env['BARE_SIGNING_SECRET'] ?? '';
const receiver = new HTTPReceiver({ signingSecret, endpoints: ['/slack/events'], logLevel: LogLevel.ERROR });
const app = new App({
  receiver,
  authorize: () => Promise.resolve({ botToken: 'xoxb-none', botId: 'B0', botUserId: 'U0' }),
  convoStore: false,
  logLevel: LogLevel.ERROR,
});
const path = process.env['BARE_FILE'];
const file =
  path === undefined ? undefined : await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC);
const run = Buffer.alloc(1_500, 'x');
await file?.write(Buffer.alloc(1024 * 1024));
app.command('/jobs', async ({ ack }) => {
  await file?.write(run, 0, run.length, 0);
  await ack();
});
const server = await app.start({ port: 0, host: '127.0.0.1' });
const address = server.address();
process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
process.on('disconnect', () => process.exit(0));
