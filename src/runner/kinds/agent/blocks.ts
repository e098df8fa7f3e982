/** The content of an answer: what is read of it, and what of it is said back. */
import type Anthropic from '@anthropic-ai/sdk';

export function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

export function callsOf(message: Anthropic.Message): Anthropic.ToolUseBlock[] {
  return message.content.filter((block) => block.type === 'tool_use');
}

/**
 * An answer as the next request repeats it: untouched, for thinking is tied to its place. The service writes what it does not take back,
 * though: texts without a word, and thoughts that nothing follows.
 */
export function saidBack(content: readonly Anthropic.ContentBlock[]): Anthropic.ContentBlock[] {
  const said = content.filter((block) => block.type !== 'text' || block.text.trim() !== '');
  return said.slice(0, said.findLastIndex(({ type }) => type !== 'thinking' && type !== 'redacted_thinking') + 1);
}
