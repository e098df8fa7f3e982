/** The yardstick of the ack benchmark: a Bolt app that verifies, acknowledges, and does nothing else. */
import { App, HTTPReceiver, LogLevel } from '@slack/bolt';

const signingSecret = process.env['BARE_SIGNING_SECRET'] ?? '';
const receiver = new HTTPReceiver({ signingSecret, endpoints: ['/slack/events'], logLevel: LogLevel.ERROR });
const app = new App({
  receiver,
  authorize: () => Promise.resolve({ botToken: 'xoxb-none', botId: 'B0', botUserId: 'U0' }),
  convoStore: false,
  logLevel: LogLevel.ERROR,
});
app.command('/jobs', async ({ ack }) => ack());
const server = await app.start({ port: 0, host: '127.0.0.1' });
const address = server.address();
process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
process.on('disconnect', () => process.exit(0));
