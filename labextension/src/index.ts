/**
 * Only a list: one plugin per feature, so that each can be switched off alone.
 */
import { badge } from './plugins/badge';
import { compare } from './plugins/compare';
import { dialogs } from './plugins/dialogs';
import { empty } from './plugins/empty';
import { environments } from './plugins/environments';
import { exports } from './plugins/exports';
import { kernels } from './plugins/kernels';
import { links } from './plugins/links';
import { live } from './plugins/live';
import { mismatch } from './plugins/mismatch';
import { panel } from './plugins/panel';
import { panelMenu } from './plugins/panelmenu';
import { preferences } from './plugins/preferences';
import { requests } from './plugins/requests';
import { revocation } from './plugins/revocation';
import { running } from './plugins/running';
import { spec } from './plugins/spec';
import { stamp, stamps } from './plugins/stamp';
import { status } from './plugins/status';

export { CommandIDs } from './commands';
export * from './tokens';

export default [
  environments,
  preferences,
  running,
  kernels,
  exports,
  spec,
  compare,
  panel,
  panelMenu,
  badge,
  status,
  stamps,
  dialogs,
  stamp,
  mismatch,
  revocation,
  requests,
  live,
  empty,
  links
];
