import { LogLevel } from '@slack/web-api';
import type { Logger } from '@slack/web-api';

/** A logger for Slack's libraries that says nothing: refusals are what the tests are about. */
export const quietLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};
