/** A thing that code has seen, with what to do about it. */
import type { NewAdvice, NewFinding } from 'bellhop';

export interface Signal {
  kind: string;
  /** In a few words, for the headline: `“Linen Duvet Cover” is out of stock`. */
  head: string;
  /** What it is worth to the shop: the larger comes first. */
  weight: number;
  finding: NewFinding;
  advice?: NewAdvice;
}
