/** What the tortures of time have in common: the schedules, and the job files that define them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface TortureSchedule {
  /** Of the job; the schedule has the same name. */
  name: string;
  /** Five canonical fields, so that the oracle can read them too. */
  cron: string;
  zone: string;
  catchUp: 'skip' | 'latest' | 'all';
  overlap: 'skip' | 'queue';
}

/** Minutes, hours and named hours, with and without a change of the clocks, under each policy. */
export const SCHEDULES: readonly TortureSchedule[] = [
  { name: 'minute-latest', cron: '* * * * *', zone: 'Europe/Berlin', catchUp: 'latest', overlap: 'queue' },
  { name: 'minute-all', cron: '* * * * *', zone: 'UTC', catchUp: 'all', overlap: 'queue' },
  { name: 'minute-skip', cron: '* * * * *', zone: 'America/New_York', catchUp: 'skip', overlap: 'queue' },
  { name: 'minute-alone', cron: '* * * * *', zone: 'Asia/Kolkata', catchUp: 'all', overlap: 'skip' },
  { name: 'odd-latest', cron: '1-59/2 * * * *', zone: 'Europe/Berlin', catchUp: 'latest', overlap: 'queue' },
  { name: 'third-all', cron: '*/3 * * * *', zone: 'Australia/Lord_Howe', catchUp: 'all', overlap: 'queue' },
  { name: 'quarter-all', cron: '*/15 * * * *', zone: 'Europe/Berlin', catchUp: 'all', overlap: 'queue' },
  { name: 'hour-latest', cron: '0 * * * *', zone: 'Europe/Berlin', catchUp: 'latest', overlap: 'queue' },
  { name: 'night-all', cron: '*/10 0-5 * * *', zone: 'Europe/Berlin', catchUp: 'all', overlap: 'queue' },
  { name: 'gap-latest', cron: '30 2 * * *', zone: 'Europe/Berlin', catchUp: 'latest', overlap: 'queue' },
  { name: 'daily-latest', cron: '0 7 * * *', zone: 'Asia/Tokyo', catchUp: 'latest', overlap: 'queue' },
  { name: 'weekly-latest', cron: '0 9 * * 1', zone: 'Europe/Berlin', catchUp: 'latest', overlap: 'queue' },
];

/** Writes the jobs folder; `command` is what each job does. */
export async function writeJobs(dir: string, command: readonly string[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const { name, cron, zone, catchUp, overlap } of SCHEDULES) {
    const schedule = { when: cron, zone, catchUp, destinations: ['file:torture'] };
    const job = { name, description: 'Is due', command, overlap, schedules: [schedule] };
    // JSON is YAML.
    await writeFile(join(dir, `${name}.yml`), JSON.stringify(job));
  }
}
