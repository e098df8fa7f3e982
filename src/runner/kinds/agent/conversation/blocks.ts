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

/** What an event adds to an answer; of thoughts that are not shown only the signature comes. */
export function addedBy(event: Anthropic.MessageStreamEvent): string {
  if (event.type !== 'content_block_delta') return '';
  const { delta } = event;
  switch (delta.type) {
    case 'text_delta':
      return delta.text;
    case 'input_json_delta':
      return delta.partial_json;
    case 'thinking_delta':
      return delta.thinking;
    case 'signature_delta':
      return delta.signature;
    default:
      return '';
  }
}
