//! Several networks between machines, each path with its own faults.
//!
//! Packets are authenticated: what arrives comes from whom it says and was meant for
//! the receiver. Beyond that the network may do what it likes, within two limits that
//! the daemon's transport sets: it refuses a packet that it saw before, and one that
//! is older than its window.

use crate::queue::Place;
use crate::random::Random;
use std::time::Duration;

/// A copy arrives within this time after the packet was sent: later ones fall out of the
/// transport's window of numbers.
pub const LATEST_COPY: Duration = Duration::from_secs(1);

/// No packet is under way longer than this: no switch keeps one that long, and the
/// transport drops what is older.
pub const LATEST_DELIVERY: Duration = Duration::from_secs(4);

/// How a path behaves, healthy or not. Faults add to it and take away what they added.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Lost, in a million.
    pub loss: u32,
    /// Delivered twice, in a million.
    pub twice: u32,
    /// Delivered late, up to [`LATEST_DELIVERY`], in a million.
    pub late: u32,
    /// More delay, up to so many microseconds: overtaking.
    pub jitter_us: u32,
}

#[derive(Clone, Copy, Debug)]
struct Path {
    delay_us: u32,
    weather: Weather,
    cuts: u32,
}

/// All paths: from each machine to each other one, on each network.
#[derive(Debug)]
pub struct Network {
    machines: usize,
    links: usize,
    paths: Vec<Path>,
    random: Random,
}

impl Network {
    /// Healthy networks, each with delays of its own.
    pub fn new(machines: usize, links: usize, mut random: Random) -> Self {
        let speeds: Vec<u64> = (0..links).map(|_| random.between(60, 2_000)).collect();
        let mut paths = Vec::with_capacity(links * machines * machines);
        for speed in speeds {
            for _ in 0..machines * machines {
                let delay = random.between(speed, speed * 2);
                paths.push(Path {
                    delay_us: u32::try_from(delay).unwrap_or(1_000),
                    weather: Weather {
                        loss: 100,
                        twice: 100,
                        late: 0,
                        jitter_us: 300,
                    },
                    cuts: 0,
                });
            }
        }
        Self {
            machines,
            links,
            paths,
            random,
        }
    }

    /// How many networks there are.
    pub fn links(&self) -> usize {
        self.links
    }

    fn path(&mut self, from: Place, to: Place, link: usize) -> Option<&mut Path> {
        let place = (link * self.machines + from) * self.machines + to;
        self.paths.get_mut(place)
    }

    /// How long a packet is under way, and its copy: nothing, once or twice.
    pub fn carry(&mut self, from: Place, to: Place, link: usize) -> [Option<Duration>; 2] {
        let Some(path) = self.path(from, to, link) else {
            return [None, None];
        };
        let Path {
            delay_us,
            weather,
            cuts,
        } = *path;
        if cuts > 0 || self.random.chance(weather.loss) {
            return [None, None];
        }
        let jitter = self.random.below(u64::from(weather.jitter_us) + 1);
        let mut first = Duration::from_micros(u64::from(delay_us) + jitter);
        if self.random.chance(weather.late) {
            first = self.random.span(first, LATEST_DELIVERY);
        }
        let second = self
            .random
            .chance(weather.twice)
            .then(|| self.random.span(Duration::ZERO, LATEST_COPY))
            .filter(|copy| *copy > first);
        [Some(first), second]
    }

    /// Is there nothing that cuts it?
    pub fn is_open(&self, from: Place, to: Place, link: usize) -> bool {
        let place = (link * self.machines + from) * self.machines + to;
        self.paths.get(place).is_some_and(|path| path.cuts == 0)
    }

    /// Does almost everything get through, and in time?
    pub fn is_good(&self, from: Place, to: Place, link: usize) -> bool {
        let place = (link * self.machines + from) * self.machines + to;
        self.paths.get(place).is_some_and(|path| {
            path.cuts == 0 && path.weather.loss < 100_000 && path.weather.late < 100_000
        })
    }

    /// One more reason why nothing gets through, or one less.
    pub fn cut(&mut self, from: Place, to: Place, link: usize, on: bool) {
        if let Some(path) = self.path(from, to, link) {
            path.cuts = if on {
                path.cuts + 1
            } else {
                path.cuts.saturating_sub(1)
            };
        }
    }

    /// Adds weather to a network, or takes it away again.
    pub fn weather(&mut self, link: usize, add: Weather, on: bool) {
        let change = |value: &mut u32, by: u32| {
            *value = if on {
                value.saturating_add(by)
            } else {
                value.saturating_sub(by)
            };
        };
        let size = self.machines * self.machines;
        for path in self.paths.iter_mut().skip(link * size).take(size) {
            change(&mut path.weather.loss, add.loss);
            change(&mut path.weather.twice, add.twice);
            change(&mut path.weather.late, add.late);
            change(&mut path.weather.jitter_us, add.jitter_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_path_carries_nothing_and_only_that_direction_is_cut() {
        let mut network = Network::new(2, 1, Random::new(1, 1));
        network.cut(0, 1, 0, true);
        assert!((0..100).all(|_| network.carry(0, 1, 0) == [None, None]));
        assert!((0..100).any(|_| network.carry(1, 0, 0)[0].is_some()));
        network.cut(0, 1, 0, false);
        assert!((0..100).any(|_| network.carry(0, 1, 0)[0].is_some()));
    }

    #[test]
    fn bad_weather_loses_copies_and_delays_within_limits() {
        let mut network = Network::new(2, 1, Random::new(1, 1));
        network.weather(
            0,
            Weather {
                loss: 500_000,
                twice: 500_000,
                late: 300_000,
                jitter_us: 50_000,
            },
            true,
        );
        let carried: Vec<_> = (0..2_000).map(|_| network.carry(0, 1, 0)).collect();
        let lost = carried.iter().filter(|one| one[0].is_none()).count();
        assert!((800..1_200).contains(&lost), "{lost} of 2000 were lost");
        assert!(carried.iter().any(|one| one[1].is_some()));
        for [first, copy] in carried {
            assert!(first.is_none_or(|delay| delay <= LATEST_DELIVERY));
            assert!(copy.is_none_or(|delay| delay <= LATEST_COPY));
        }
    }
}
