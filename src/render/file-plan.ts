/**
 * A file that goes with a message, as it is frozen with it: a name and where its bytes come from. The bytes are made when it is sent, from
 * the report (which never changes) or from a blob, so that the outbox stores no copy of them and a resend is the same bytes.
 */
import { z } from 'zod';

const FileSource = z.discriminatedUnion('is', [
  /** The chart of a section (by its index) as PNG, drawn twice as large as shown. */
  z.object({
    is: z.literal('chart'),
    section: z.number().int().nonnegative(),
    /** `dark`: as it stands on a dark ground. Default light. */
    theme: z.enum(['light', 'dark']).exactOptional(),
  }),
  /** The table of a section as CSV. */
  z.object({ is: z.literal('table'), section: z.number().int().nonnegative() }),
  /** The whole report. */
  z.object({ is: z.literal('report'), format: z.enum(['html', 'md', 'txt', 'json']) }),
  z.object({ is: z.literal('blob'), sha256: z.string() }),
]);
export type FileSource = z.infer<typeof FileSource>;

export const FilePlan = z.object({
  name: z.string().min(1).max(200),
  mediaType: z.string().max(100),
  title: z.string().max(200),
  /** What a picture shows, in words. */
  alt: z.string().max(2000).exactOptional(),
  /** Shown inside a mail under this Content-ID. */
  cid: z.string().max(200).exactOptional(),
  source: FileSource,
});
export type FilePlan = z.infer<typeof FilePlan>;

/** Gives each name once, whatever letters it is written in: the second `orders.csv` is `orders-2.csv`. */
export function createNamer(): (wanted: string) => string {
  const taken = new Set<string>();
  return (wanted) => {
    const dot = wanted.lastIndexOf('.');
    const [stem, ending] = dot > 0 ? [wanted.slice(0, dot), wanted.slice(dot)] : [wanted, ''];
    let name = wanted;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}${ending}`;
    taken.add(name.toLowerCase());
    return name;
  };
}
