/** Load by wrk: 32 connections that ask again as soon as they are answered. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sh } from '../lib/shell.ts';

export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const CONNECTIONS = 32;

/** A script that sends these bodies in turns and ends with one line of JSON. */
export async function wrkScript(directory: string, name: string, bodies: readonly string[]): Promise<string> {
  const file = join(directory, `${name}.lua`);
  const list = bodies.map((body) => `[=[${body}]=]`).join(',\n');
  await writeFile(
    file,
    `local bodies = {${list}}
local at = 0
local headers = {['content-type'] = 'application/json'}
request = function()
  at = at % #bodies + 1
  return wrk.format('POST', nil, headers, bodies[at])
end
threads = {}
setup = function(thread) threads[1] = thread end
wrong = 0
response = function(status, _, body)
  if status ~= 200 or string.find(body, '"errors"', 1, true) then wrong = wrong + 1 end
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"failed":%d,"p50":%d,"p99":%d}\\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.timeout + threads[1]:get('wrong'), latency:percentile(50), latency:percentile(99)))
end
`,
  );
  return file;
}

export async function wrk(url: string, script: string, seconds: number): Promise<Load> {
  const { stdout } = await sh(`wrk -t1 -c${CONNECTIONS} -d${seconds}s --timeout 30s -s '${script}' '${url}'`);
  const line = stdout.split('\n').find((text) => text.startsWith('{')) ?? '';
  const { requests, us, failed, p50, p99 } = JSON.parse(line) as Record<
    'requests' | 'us' | 'failed' | 'p50' | 'p99',
    number
  >;
  if (failed > 0) throw new Error(`${failed} of ${requests} requests to ${url} failed`);
  return { requests, perSecond: (requests * 1e6) / us, p50Ms: p50 / 1000, p99Ms: p99 / 1000 };
}
