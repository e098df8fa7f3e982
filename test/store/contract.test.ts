import { describeStore } from '../contract/store.ts';
import { lowdbHarness, memoryHarness } from '../support/store-harness.ts';

describeStore('memory', async (options) => memoryHarness(options), {
  skip: [
    {
      reason: 'a memory store ends with its process, so there is nothing to open again',
      tests: [
        'G1 an accepted run survives a crash',
        'G1 an accepted run survives a close',
        'G12 a key survives a crash',
        'G12 a removed run keeps its key over a crash and a close',
        'G5 fencing holds over a crash and a clock that steps back',
        'G7 a run whose process died is claimable before the first claim returns',
        'G13 a cancel survives a crash',
        'a removed run does not come back after a crash',
        'G19 a watcher goes on where it was after a restart (crash): nothing is missing or numbered anew',
        'G19 a watcher goes on where it was after a restart (clean): nothing is missing or numbered anew',
        'G19 a clock that went back over a restart makes no number twice',
        'G19 a position whose events were pruned while the store was closed becomes a resync',
        'what was withheld is one commit with the outcome: after a crash both are there',
        'the outcome and its deliveries are one commit: after a crash both are there',
        'a part that was being sent at a crash is handed out again in that state',
        'a notice and its deliveries are one commit: after a crash both are there',
        'a notice that was added is not added again after a restart, delivered or not',
        'a part of a notice that was being sent at a crash is handed out again in that state',
        'a notice that went does not come back after a crash',
        'a card that showed progress of a dead process is drawn again after the crash',
        'documents survive a crash, removed ones stay away',
        'G15 a pause survives a crash, and says who paused and since when',
        'G17 the progress and what it started are there together after a crash',
        'a run reserves once, however often it asks, also after a crash',
        'a run that is cancelled or removed gives back what it holds',
        'are there with the outcome, also after a crash',
        'what an outcome names is there with it after a crash',
        'a waiting run survives a crash as it was',
        'an approval and its audit entry survive a crash together',
        'several counters and documents are one commit, also after a crash',
        'go and stay with their run over a crash and a close: never one without the other',
        'an act and its audit entry survive a crash together, once',
      ],
    },
  ],
});
describeStore('lowdb', lowdbHarness, { skip: [] });
