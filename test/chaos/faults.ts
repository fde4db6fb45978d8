/**
 * What is done to the system while it works: instances are killed, frozen for longer than their lease, or ended in good order; ways to one
 * device are cut or fall silent, for one instance or for all; servers are killed and started again, or frozen.
 *
 * One instance at a time and one device at a time, so that somebody can always go on. Each fault is written down with its end: when what it
 * hit is there again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/seed.ts';
import type { Instance } from './instance.ts';
import type { Recorder } from './record.ts';
import { DEVICES, LEASE_MS, type Device, type System } from './system.ts';
import { PROCESS_MS, within } from './within.ts';

/** Between two faults of devices, milliseconds, at most; those of instances leave as much time again for the ones of switches. */
const PAUSE_MS = 2500;
const LONGEST_MS = 3000;

interface WayFault {
  readonly device: Device;
  readonly silent: boolean;
  /** Of one instance, or of all. */
  readonly number: number | 'all';
  readonly ms: number;
}

export class Faults {
  readonly #system: System;
  readonly #recorder: Recorder;
  readonly #random: Random;
  #stopping = new AbortController();
  #running: Promise<void>[] = [];
  /** The instance that is being disturbed. */
  #hit: Instance | null = null;
  /** Devices to which a way is disturbed. */
  readonly #ways = new Set<Device>();

  constructor(system: System, recorder: Recorder, random: Random) {
    this.#system = system;
    this.#recorder = recorder;
    this.#random = random;
  }

  start(): void {
    this.#stopping = new AbortController();
    const [ofInstances, ofDevices] = [this.#random.fork(), this.#random.fork()];
    this.#running = [
      this.#loop(ofInstances, 2 * PAUSE_MS, () => this.#disturb(ofInstances.pick(this.#system.instances), ofInstances)),
      this.#loop(ofDevices, PAUSE_MS, () =>
        ofDevices.below(3) === 0 ? this.#hitServer(ofDevices) : this.#hitWay(ofDevices),
      ),
    ];
  }

  /** Returns when everything is as it was. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await within(2 * PROCESS_MS, 'the last faults are over', Promise.all(this.#running));
    await Promise.all(
      this.#system.instances.map((i) => within(PROCESS_MS, `instance ${i.number} is ready`, i.whenReady())),
    );
  }

  /**
   * An instance has just been asked to switch: sometimes that is its end, or a long sleep; or another one sleeps all through the switch, or
   * has statements on a way that is silent until the switch is over.
   */
  async atSwitch(driver: Instance, random: Random): Promise<void> {
    const dice = random.below(6);
    if (this.#stopping.signal.aborted || dice > 2) return;
    if (dice === 0) return this.#disturb(driver, random, random.below(400));
    const other = random.pick(this.#system.instances.filter((instance) => instance !== driver));
    if (dice === 1) return this.#disturb(other, random, 0, 'sleep');
    return this.#disturbWay({
      device: random.pick(DEVICES),
      silent: true,
      number: other.number,
      ms: 1500 + random.below(2000),
    });
  }

  async #loop(random: Random, pauseMs: number, fault: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#pause(random.below(pauseMs));
      if (!this.#stopping.signal.aborted) await fault();
    }
  }

  async #disturb(instance: Instance, random: Random, delayMs = 0, asked?: 'sleep'): Promise<void> {
    if (this.#hit !== null || !instance.ready) return;
    this.#hit = instance;
    await delay(delayMs);
    const from = this.#recorder.tick();
    const dice = random.below(10);
    const kind = asked ?? (dice < 4 ? 'kill' : dice < 8 ? 'freeze' : 'end');
    try {
      if (kind === 'freeze' || kind === 'sleep') {
        instance.freeze();
        await delay(LEASE_MS * ((kind === 'sleep' ? 2 : 1.1) + random.below(20) / 10));
        instance.thaw();
      } else {
        const signal = kind === 'kill' ? 'SIGKILL' : 'SIGTERM';
        await within(PROCESS_MS, `instance ${instance.number} has ended after ${signal}`, instance.end(signal));
        await within(PROCESS_MS, `instance ${instance.number} is ready again`, instance.whenReady());
      }
    } catch (error) {
      this.#recorder.write({ is: 'violation', what: String(error) });
    } finally {
      this.#recorder.write({
        is: 'fault',
        kind: `instance ${kind}`,
        on: instance.number,
        from,
        to: this.#recorder.tick(),
      });
      this.#hit = null;
    }
  }

  #hitWay(random: Random): Promise<void> {
    const [device, silent, everybody] = [random.pick(DEVICES), random.below(2) === 0, random.below(3) === 0];
    const one = random.below(this.#system.proxies.length);
    return this.#disturbWay({ device, silent, number: everybody ? 'all' : one, ms: 200 + random.below(LONGEST_MS) });
  }

  /** One at a time to each device. */
  async #disturbWay({ device, silent, number, ms }: WayFault): Promise<void> {
    if (this.#ways.has(device)) return;
    this.#ways.add(device);
    const hit = this.#system.proxies.filter((_, i) => number === 'all' || i === number);
    const from = this.#recorder.tick();
    for (const proxies of hit) {
      if (silent) proxies[device].silence();
      else proxies[device].block();
    }
    await delay(ms);
    for (const proxies of hit) proxies[device].mend();
    const kind = `way to ${device} ${silent ? 'silent' : 'cut'}`;
    this.#recorder.write({ is: 'fault', kind, on: number, from, to: this.#recorder.tick() });
    this.#ways.delete(device);
  }

  async #hitServer(random: Random): Promise<void> {
    const server = random.pick(this.#system.servers);
    const kind = random.pick(['kill', 'kill', 'stop', 'freeze'] as const);
    const from = this.#recorder.tick();
    if (kind === 'freeze') {
      server.freeze();
      await delay(200 + random.below(LONGEST_MS));
      server.thaw();
    } else {
      if (kind === 'kill') await server.kill();
      else await server.stop();
      await delay(random.below(1500));
      await server.start();
    }
    this.#recorder.write({ is: 'fault', kind: `${server.name} ${kind}`, on: 'all', from, to: this.#recorder.tick() });
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => {
      // Stopped while it waited: the loop sees that.
    });
  }
}
