import { stringify } from 'yaml';

export type ManifestMode = 'http' | 'socket';

/** What the bot asks for. The fake workspace grants all of it. */
export const SCOPES = {
  needed: ['commands', 'chat:write', 'im:write'],
  // files:write attaches tables and charts; without it the thread says what could not be attached.
  // The histories are needed to look for a post whose answer was lost; without them such a post is sent again with a label.
  // users:read gives the time zone of who schedules; without it, Bellhop's own is proposed.
  // The three last let preflight see whether a channel is there and the bot in it; without them it says that it cannot look.
  optional: [
    'files:write',
    'channels:history',
    'groups:history',
    'im:history',
    'metadata.message:read',
    'users:read',
    'channels:read',
    'groups:read',
    'im:read',
  ],
} as const;

/** The Slack app manifest for `host` (no scheme); `manifest.yml` is the HTTP one for the placeholder host, held to this by a test. */
export function drawManifest(mode: ManifestMode, host: string): string {
  const url = `https://${host}/slack/events`;
  const http = mode === 'http';
  const manifest = {
    _metadata: { major_version: 2, minor_version: 1 },
    display_information: {
      name: 'Bellhop',
      description: 'Run a job from Slack, and get its report where it belongs',
      background_color: '#1f2937',
    },
    features: {
      app_home: { home_tab_enabled: true, messages_tab_enabled: true, messages_tab_read_only_enabled: true },
      bot_user: { display_name: 'Bellhop', always_online: true },
      slash_commands: [
        {
          command: '/jobs',
          ...(http ? { url } : {}),
          description: 'Run, list, show, cancel, retry, delete, schedule, spend',
          usage_hint: 'run JOB | list | show RUN | schedule JOB mon 09:00 | help',
          should_escape: true,
        },
      ],
    },
    oauth_config: {
      scopes: {
        bot: [...SCOPES.needed],
        bot_optional: [...SCOPES.optional],
      },
    },
    settings: {
      event_subscriptions: { ...(http ? { request_url: url } : {}), bot_events: ['app_home_opened'] },
      interactivity: { is_enabled: true, ...(http ? { request_url: url } : {}) },
      org_deploy_enabled: false,
      socket_mode_enabled: !http,
      token_rotation_enabled: false,
    },
  };
  return stringify(manifest, { lineWidth: 0 });
}
