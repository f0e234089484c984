/**
 * What a document should get that asks for a kernel which may be gone.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { addressOf } from './addresses';
import type { IResolution } from './generated/wire';
import type { Wire } from './wire';

/** Ask what `kernel` stands for now in a document stamped with `digest`; rejects with a `Refusal`. */
export function resolve(wire: Pick<Wire, 'get'>, kernel: string, digest: string): Promise<IResolution> {
  const query = URLExt.objectToQueryString({ kernel, ...(digest && { digest }) });
  return wire.get(`resolve${query}`, 'Resolution');
}

/** Count the packages in which two releases differ; rejects with a `Refusal`. */
export async function countDifferences(
  wire: Pick<Wire, 'get'>,
  from: { name: string; release: string },
  to: { name: string; release: string }
): Promise<number> {
  const query = URLExt.objectToQueryString({ to: `${to.name}@${to.release}` });
  const { changes } = await wire.get(`${addressOf(from.name, from.release)}/diff${query}`, 'Comparison');
  return changes.length;
}
