/**
 * Only a list: one plugin per feature, so that each can be switched off alone.
 */
import { badge } from './plugins/badge';
import { environments } from './plugins/environments';
import { kernels } from './plugins/kernels';
import { panel } from './plugins/panel';
import { spec } from './plugins/spec';

export { CommandIDs } from './commands';
export * from './tokens';

export default [environments, kernels, spec, panel, badge];
