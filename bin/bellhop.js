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
/**
 * For the server: a heap that need not be swept as a whole while it grows to its usual size. On two cores each of those sweeps held up the
 * acknowledgements of some 40 ms. V8 reads both only when it starts.
 */
const SERVER_FLAGS = ['--min-semi-space-size=16', '--max-semi-space-size=16', '--initial-old-space-size=128'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const major = Number(process.versions.node.split('.')[0]);
const self = fileURLToPath(import.meta.url);
const flags = process.argv[2] === 'start' ? SERVER_FLAGS : [];

if (major >= NEEDED) {
  if (flags.some((flag) => !process.execArgv.includes(flag))) restart();
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

/** Becomes the same program with the flags: the process stays the one it is. Where that cannot be done it goes on without them. */
function restart() {
  if (process.execve === undefined || process.platform === 'win32' || process.channel) return;
  const { execPath, execArgv, argv, env } = process;
  process.execve(execPath, [execPath, ...execArgv, ...flags, self, ...argv.slice(2)], env);
}

/** @param {string} node */
function handOver(node) {
  const child = spawn(node, [...flags, self, ...process.argv.slice(2)], { stdio: 'inherit' });
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`bellhop could not start ${node}: ${error.message}\n`);
    process.exit(78);
  });
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 70) : 128 + constants.signals[signal]));
}
