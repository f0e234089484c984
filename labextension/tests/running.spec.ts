import Ajv from 'ajv/dist/2020';

import environmentsSchema from '../../jupyter_envguard/schemas/environments.json';
import kernelsSchema from '../../jupyter_envguard/schemas/kernels.json';
import { RunningKernels, asRunningKernel } from '../src/running';
import { Fields, Refusal } from '../src/wire';
import { digest, kernelJson } from './server';

const finding = {
  kind: 'changed',
  name: 'numpy',
  where: 'lib/numpy/__init__.py',
  message: 'numpy has changed.'
};
const drifted = kernelJson({ drift: { state: 'drifted', findings: [finding] } });
const unmanaged = kernelJson({ environment: '', release: '', digests: null, state: 'unmanaged' });

describe('asRunningKernel', () => {
  it('reads what the schema promises', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema(environmentsSchema);
    const kernels = { kernels: [kernelJson(), drifted, unmanaged] };
    const validate = ajv.compile(kernelsSchema);
    expect([validate(kernels), validate.errors]).toEqual([true, null]);
    const [first, second, third] = kernels.kernels.map(kernel => asRunningKernel(new Fields(kernel, '')));
    expect(first).toMatchObject({ id: 'k1', digest: digest('c'), drift: 'clean', findings: [] });
    expect(second).toMatchObject({ drift: 'drifted', findings: [finding] });
    expect(third).toMatchObject({ environment: '', digest: '' });
  });

  it('takes a drift that it does not know for an unknown one', () => {
    const kernel = kernelJson({ drift: { state: 'sideways', findings: [] } });
    expect(asRunningKernel(new Fields(kernel, '')).drift).toBe('unknown');
  });
});

describe('RunningKernels', () => {
  it('knows the kernels that the server knows, and those that it is told of', async () => {
    const running = new RunningKernels({ get: () => Promise.resolve({ kernels: [kernelJson()] }) });
    let changes = 0;
    running.changed.connect(() => void changes++);
    await running.refresh();
    expect(running.find('k1')?.release).toBe('2026.11');
    running.put(asRunningKernel(new Fields(kernelJson({ id: 'k2' }), '')));
    expect(running.all.map(({ id }) => id)).toEqual(['k1', 'k2']);
    expect(changes).toBeGreaterThanOrEqual(2);
    running.dispose();
    running.dispose();
  });

  it('keeps what it knows when the server fails', async () => {
    const answers: (object | Error)[] = [{ kernels: [kernelJson()] }, new Refusal('gone', '', '')];
    const get = () => {
      const answer = answers.shift() ?? new Refusal('gone', '', '');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
    const running = new RunningKernels({ get });
    await running.refresh();
    await running.refresh();
    expect(running.find('k1')).toBeDefined();
    running.dispose();
  });

  it('asks less often while it is told', () => {
    const running = new RunningKernels({ get: () => Promise.resolve({ kernels: [] }) });
    expect(running.isTold).toBe(false);
    running.isTold = true;
    expect(running.isTold).toBe(true);
    running.isTold = false;
    expect(running.isTold).toBe(false);
    running.dispose();
  });
});
