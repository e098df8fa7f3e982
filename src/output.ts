/** Head and tail as one text that says what is missing between them. */
export function outputText(output: { head: string; tail: string; droppedBytes: number }): string {
  if (output.droppedBytes === 0) return output.head + output.tail;
  return `${output.head}\n… ${output.droppedBytes} bytes left out …\n${output.tail}`;
}
