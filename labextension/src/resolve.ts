/**
 * What a document should get that asks for a kernel which may be gone.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { Fields, type IReason, type Wire } from './wire';

/** A kernel that is to be had. */
export interface IReplacement {
  readonly kernelName: string;
  readonly name: string;
  readonly release: string;
}

/** What the server says about the name of a kernel. */
export interface IResolution {
  readonly kernel: string;
  /** The kernel itself may start, another one takes its place, or there is nothing to offer. */
  readonly status: 'available' | 'successor' | 'gone';
  readonly replacement: IReplacement | null;
  /** Why the kernel itself may not start. */
  readonly reason: IReason | null;
}

/** Ask what `kernel` stands for now in a document stamped with `digest`; rejects with a `Refusal`. */
export async function resolve(wire: Pick<Wire, 'get'>, kernel: string, digest: string): Promise<IResolution> {
  const query = URLExt.objectToQueryString({ kernel, ...(digest && { digest }) });
  return asResolution(await wire.get(`resolve${query}`));
}

/** Return `answer` as a resolution, or throw a `Refusal` that names the field at fault. */
export function asResolution(answer: unknown): IResolution {
  const top = new Fields(answer, '');
  const status = top.text('status');
  return {
    kernel: top.text('kernel'),
    status:
      status === 'current' || status === 'available' ? 'available' : status === 'successor' ? status : 'gone',
    replacement: top.optional('environment', key => {
      const offered = top.fields(key);
      return {
        kernelName: offered.text('kernel_name'),
        name: offered.text('name'),
        release: offered.text('release')
      };
    }),
    reason: top.optional('reason', key => {
      const reason = top.fields(key);
      return { code: reason.text('code'), message: reason.text('message'), hint: reason.text('hint') };
    })
  };
}

/** Count the packages in which two releases differ; rejects with a `Refusal`. */
export async function countDifferences(
  wire: Pick<Wire, 'get'>,
  from: { name: string; release: string },
  to: { name: string; release: string }
): Promise<number> {
  const [name, release] = [from.name, from.release].map(encodeURIComponent);
  const query = URLExt.objectToQueryString({ to: `${to.name}@${to.release}` });
  const answer = await wire.get(`environments/${name}/releases/${release}/diff${query}`);
  return new Fields(answer, '').list('changes', () => null).length;
}
