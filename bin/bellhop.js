#!/usr/bin/env node
// Plain JavaScript that any Node can read. Bellhop's TypeScript runs on Node >= 24 as it is: this file finds such a Node
// (the one it was started with, else the one npm installed beside it) or says in one line what to do.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import module from 'node:module';

const NEEDED = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const major = Number(process.versions.node.split('.')[0]);

if (major >= NEEDED) {
  module.enableCompileCache?.();
  await import('../src/cli.ts');
} else {
  const pinned = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(pinned)) {
    handOver(pinned);
  } else {
    process.stderr.write(
      `bellhop needs Node ${NEEDED} or newer and was started with ${process.version}: ` +
        'run "npm ci" in its folder without --ignore-scripts (it installs one beside it), or install Node 24.\n',
    );
    process.exit(78); // EX_CONFIG of sysexits.h
  }
}

/** @param {string} node */
function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`bellhop could not start ${node}: ${error.message}\n`);
    process.exit(78);
  });
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 70) : 128 + constants.signals[signal]));
}
