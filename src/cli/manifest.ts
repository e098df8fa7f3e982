import { drawManifest } from '../bot/manifest.ts';
import { UsageError } from '../errors.ts';
import { EXIT, type Terminal } from './terminal.ts';

/** Prints the Slack app manifest, ready to paste at "Create an app from a manifest". */
export function manifestCommand(terminal: Terminal, options: { mode: string; host: string }): number {
  const { mode, host } = options;
  if (mode !== 'http' && mode !== 'socket') {
    throw new UsageError(`There is no mode “${mode}”`, { code: 'USAGE', hint: 'It is http or socket.' });
  }
  if (!/^[A-Za-z0-9.-]+(?::\d+)?$/.test(host)) {
    throw new UsageError(`“${host}” is no host name`, {
      code: 'USAGE',
      hint: 'Give the name without https://, like bell.example.com.',
    });
  }
  terminal.out(drawManifest(mode, host).trimEnd());
  return EXIT.ok;
}
