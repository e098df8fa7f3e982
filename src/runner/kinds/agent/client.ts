/** The client of the Claude API, loaded with its first use. */
import type Anthropic from '@anthropic-ai/sdk';

export interface ClaudeSettings {
  apiKey: string;
  /** Of a gateway, or of a test. */
  baseUrl?: string;
}
export interface Claude {
  client: Pick<Anthropic, 'messages' | 'models'>;
  /** The version of the SDK. */
  sdk: string;
}
export async function openClaude(_settings: ClaudeSettings): Promise<Claude> {
  throw new Error('placeholder');
}
