//! Natter over real sockets: its features, its exploits and its contract.

#[cfg(test)]
mod client;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod exploits;
#[cfg(test)]
mod features;
