/** Where things lie in the data folder. The path of a record follows from its id, which carries its time: finding one needs no index. */
import { join } from 'node:path';
import { timeOfId } from '../../ids.ts';

export const RUN_FILE = /^(run_[0-9a-z]{26})\.json$/;
/** A segment of the journal, named by the number of its first line. */
export const SEGMENT_FILE = /^(\d{12})\.jsonl$/;
export const DOC_FILE = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})\.json$/;
/** A month of the archive. */
export const ARCHIVE_FILE = /^(\d{4}-\d{2})\.jsonl\.gz$/;
/** The copy of a month's index. */
export const ARCHIVE_INDEX = /^\d{4}-\d{2}\.index$/;
/** A write that a crash cut off; no name of ours begins with a dot. */
export const TEMP_FILE = /^\.tmp-/;

export interface Layout {
  root: string;
  format: string;
  lock: string;
  lockInfo: string;
  indexFolder: string;
  index: string;
  clean: string;
  records: string;
  deliveries: string;
  docs: string;
  audit: string;
  blobs: string;
  archive: string;
  quarantine: string;
  journal: string;
  temp: string;
  events: string;
  reserve: string;
  segment: (lsn: number) => string;
  record: (runId: string) => string;
  deliveriesOf: (runId: string) => string;
  doc: (kind: string, key: string) => string;
  auditMonth: (at: string) => string;
  /** `month` is YYYY-MM. */
  archiveMonth: (month: string) => string;
  /** Derived: where in that file which runs lie. */
  archiveIndex: (month: string) => string;
}

/** The paths below `root`. */
export function layoutOf(root: string): Layout {
  const day = (runId: string): string => new Date(timeOfId(runId)).toISOString().slice(0, 10).replaceAll('-', '/');
  return {
    root,
    format: join(root, 'FORMAT.json'),
    lock: join(root, 'LOCK'),
    lockInfo: join(root, 'LOCK.info'),
    indexFolder: join(root, 'index'),
    index: join(root, 'index.json'),
    clean: join(root, 'CLEAN'),
    records: join(root, 'records'),
    deliveries: join(root, 'deliveries'),
    docs: join(root, 'docs'),
    audit: join(root, 'audit'),
    blobs: join(root, 'blobs'),
    archive: join(root, 'archive'),
    quarantine: join(root, 'quarantine'),
    events: join(root, 'events'),
    journal: join(root, 'journal'),
    temp: join(root, 'tmp'),
    reserve: join(root, 'RESERVE'),
    segment: (lsn) => join(root, 'journal', `${String(lsn).padStart(12, '0')}.jsonl`),
    record: (runId) => join(root, 'records', day(runId), `${runId}.json`),
    deliveriesOf: (runId) => join(root, 'deliveries', day(runId), `${runId}.json`),
    doc: (kind, key) => join(root, 'docs', kind, `${key}.json`),
    auditMonth: (at) => join(root, 'audit', `${at.slice(0, 7)}.jsonl`),
    archiveMonth: (month) => join(root, 'archive', `${month}.jsonl.gz`),
    archiveIndex: (month) => join(root, 'archive', `${month}.index`),
  };
}
